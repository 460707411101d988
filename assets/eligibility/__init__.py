"""Who may be offered to a caller, when: dated facts from files, and pins set by hand."""
