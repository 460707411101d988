"""A simulated MikoPBX: its call detail records over real HTTP, written from the public protocol facts."""
