// Placeholder while the package is set up.
