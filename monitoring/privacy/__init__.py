"""How long what is kept about people is kept, what they are owed of it, and what leaves under pseudonyms."""
