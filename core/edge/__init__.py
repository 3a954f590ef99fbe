"""What a proxy tells an application, and what the application makes of it."""
