"""What the palette offers of this page before it was opened: (id, title, icon). The page itself gives the deeds."""

MAIN = (
    ("digits.train", "Train a digit model", "plus"),
    ("digits.evaluate", "Evaluate the chosen model", "gauge"),
    ("digits.predict", "Predict a file of digits", "file-up"),
    ("digits.browse", "Look at a data set of digits", "image"),
    ("digits.samples", "Show my samples", "image"),
    ("digits.paste", "Paste a picture of a digit", "clipboard-paste"),
)
