"""Portfolios on pages: holdings joined with open orders and the provisional shares of what blocks have filled."""
