"""What a patient is asked at home: to repeat a reading, to send what is due, to say how they feel, whom to call."""
