DEPS := base json objects
