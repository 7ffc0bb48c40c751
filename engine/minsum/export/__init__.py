"""Results that leave the house: a data release in a folder of its own."""
