"""The frame around the pages: rail, header, drawer, palette, status bar, dialogs."""
