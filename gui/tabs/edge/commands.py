"""What the palette offers of this page before it was opened: (id, title, icon). The page itself gives the deeds."""

MAIN = (
    ("edge.probe", "Probe the trust of an origin", "shield-alert"),
    ("edge.address", "Go to the address", "globe"),
)
