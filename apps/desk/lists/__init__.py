"""Lists as their readers want them: columns, order, filters, grouping, totals, colours; saved by name, and exported."""
