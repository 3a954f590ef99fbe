"""The sections of the settings: one file a room, frozen dataclasses whose field metadata makes the dialog."""
