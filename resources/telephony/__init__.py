"""Telephony servers as sources of call history, each behind `source.TelephonySource`."""
