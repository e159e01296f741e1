"""How the book's schema came to be, step by step; run by the store when it opens a book."""
