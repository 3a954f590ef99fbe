"""Everything Opsdesk does without a screen: one package per trade, no Qt anywhere."""
