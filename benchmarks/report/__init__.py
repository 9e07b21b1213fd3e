"""Reports: records as one page of HTML that needs nothing else, or as Markdown."""
