"""A simulated Asterisk manager: AMI over TCP and the HTTP manager (AJAM), fed by one stream of events."""
