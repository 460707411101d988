"""Live calls: clients of the ways in which telephony servers tell what is happening now.

Each turns its server's words into the one schema of `resources.telephony.live.event`. Whether and when to listen, and
where events are kept, is not known here.
"""
