"""Who has to do what when something is wrong: a remedy in plain words, and the message to whoever must carry it out."""
