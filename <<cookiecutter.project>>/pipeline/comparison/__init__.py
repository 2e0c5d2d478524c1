"""Two models side by side, for the reviewers of a pull request: as Markdown, and as a page with plots."""
