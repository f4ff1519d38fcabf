"""Models of one structure as one compiled function that is traced once: forward, backward and update written out."""
