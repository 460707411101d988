"""Stand-ins for the systems we talk to, over real sockets, with faults that can be switched on.

Written from the protocol pages, not from our clients, so that one misunderstanding cannot live in
both. Only tests, benchmarks and the demo start them; they import nothing of the product.
"""
