"""How much of the result depends on choices that could have been made otherwise."""
