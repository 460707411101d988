"""Who talks to us: look-ups of the PBX, webhooks, the event stream and the pages people open.

What belongs here answers from local tables only (`resources.warehouse`) and never calls a remote
system while a phone rings.
"""
