"""The pages in a real browser: Chromium, as it is found on this machine."""
