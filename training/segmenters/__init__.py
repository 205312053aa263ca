"""What assigns customers to segments: each way to tell them apart is one file of a bundle."""
