"""Pages and plots that people read: self-contained HTML, light and dark."""
