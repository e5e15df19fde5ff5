"""From words to the answer book: templates and settings become every document that callers can ever be given."""
