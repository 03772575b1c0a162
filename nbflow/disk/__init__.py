"""What every part that keeps something needs of a disk, and no more.

``whole``: files that are there whole or not at all. ``memo``: remembered answers that may be lost at any time, and the
marks by which a file is known to be unchanged. Nothing here knows what the bytes mean.
"""
