"""What `scripts/fuzz.py` is made of: damage done to files, and children that read them."""
