"""Call history: legs as the telephony servers wrote them, and calls as people know them.

`load` brings rows in, `calls` groups legs into calls; the statements are in `sql`.
"""
