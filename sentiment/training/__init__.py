"""Arrays to a network: recurrent models, the losses that train them, and the linear model beside them."""
