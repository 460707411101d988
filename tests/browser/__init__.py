"""The UI as people use it, in headless Chromium."""
