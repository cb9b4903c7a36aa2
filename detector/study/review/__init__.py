"""The review page: a local web page on which a person looks at episodes and says what they are."""
