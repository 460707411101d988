-- Log a browser out.
DELETE FROM switchboard.login_sessions WHERE token_hash = %(token_hash)s
