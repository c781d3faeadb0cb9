"""Child processes from the controller's side: started, watched, ended, their replies read."""
