"""Usage metrics: what this installation would tell its developers, exactly as it would be sent."""
