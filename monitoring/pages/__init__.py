"""Pages for people: what a ward, a UCR team and a coordinator look at all day. Served as they are, without a build."""
