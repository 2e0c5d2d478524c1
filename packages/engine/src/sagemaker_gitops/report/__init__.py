"""Pages, plots and comments that people read: self-contained HTML, light and dark. It imports errors alone."""
