"""Pictures and DVC plot data of any track, equal in every byte for equal input. Knows no track and no model."""
