"""What the palette offers of this page before it was opened: (id, title, icon). The page itself gives the deeds."""

MAIN = (
    ("streams.tap", "Start tap", "play"),
    ("streams.produce", "Show or hide the producer", "send"),
    ("streams.create", "New stream…", "plus"),
    ("streams.scale", "Scale the stream…", "layers"),
    ("streams.carry", "Collect and carry: the pipeline", "workflow"),
    ("streams.replay", "Send an exported file again…", "upload"),
    ("streams.policy", "Copy the IAM policy of a tap", "shield-check"),
)
