"""Who may do what: links, tokens, secrets, revocations, consent, pseudonyms."""
