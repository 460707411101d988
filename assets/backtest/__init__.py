"""The routing backtest: would the ranking have named whoever then took the call?

`events` reads a history, `replay` walks through it and predicts each call from what was known before it,
`measures` compares the predictions with who talked, `plot` shows that, `assets` keeps it per day.
"""
