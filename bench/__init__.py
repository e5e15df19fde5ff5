"""How fast the answer starts and answers, beside a handler that does nothing and the handler that is usually written."""
