"""The journal of calls and its reports: what is asked for (`filters`), how it is found, and what is answered.

Questions here may take seconds, so they have connections of their own (`store`) and never those of the ring path.
"""
