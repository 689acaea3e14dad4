DEPS := base json
