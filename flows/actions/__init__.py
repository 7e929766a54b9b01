"""The actions on the world, one verb a file, and which of them are pending."""
