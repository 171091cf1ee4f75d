"""The list of orders, as its readers arrange it, with the drawer of one order."""
