"""Whether a challenger is better than the champion: settings, evidence and verdict, pure functions."""
