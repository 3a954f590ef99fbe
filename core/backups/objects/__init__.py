"""The objects of S3: browsing, moving bytes, changing, versions, lifecycle. The window's browser and the `s3` verbs use it."""
