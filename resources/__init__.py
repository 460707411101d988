"""Whom we talk to: the warehouse, telephony servers, contact files.

A resource knows a protocol and nothing of assets. It answers in the other side's own words;
turning those into our tables is the work of `assets`.
"""
