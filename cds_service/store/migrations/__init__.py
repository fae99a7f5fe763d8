"""The steps that brought the tables to their present shape.  A step that was released is never changed."""
