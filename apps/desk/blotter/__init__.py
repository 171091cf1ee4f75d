"""The trader's blotter: blocks joined with their routes, inquiries and shares."""
