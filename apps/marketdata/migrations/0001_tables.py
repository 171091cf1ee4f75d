import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    replaces = [
        ('marketdata', '0001_initial'),
        ('marketdata', '0002_closing_rates'),
        ('marketdata', '0003_quotes_join_their_instrument'),
        ('marketdata', '0004_interest_of_currencies'),
    ]

    initial = True

    dependencies = [
        ('reference', '0001_tables'),
    ]

    operations = [
        migrations.CreateModel(
            name='AverageVolume',
            fields=[
                ('instrument', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, primary_key=True, related_name='+', serialize=False, to='reference.instrument')),
                ('daily_qty', models.DecimalField(decimal_places=4, max_digits=20)),
                ('annual_volatility', models.DecimalField(decimal_places=8, max_digits=20)),
                ('as_of_date', models.DateField()),
            ],
        ),
        migrations.CreateModel(
            name='DepositRate',
            fields=[
                ('currency', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, primary_key=True, related_name='+', serialize=False, to='reference.currency')),
                ('pct', models.DecimalField(decimal_places=8, max_digits=20)),
                ('year_days', models.SmallIntegerField(help_text='days that a year is counted as: 360, or 365 for sterling')),
                ('at', models.DateTimeField()),
            ],
            options={
                'constraints': [models.CheckConstraint(condition=models.Q(('year_days__in', [360, 365])), name='a_year_of_interest_has_360_or_365_days')],
            },
        ),
        migrations.CreateModel(
            name='Quote',
            fields=[
                ('instrument', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, primary_key=True, related_name='+', related_query_name='quote', serialize=False, to='reference.instrument')),
                ('bid', models.DecimalField(decimal_places=8, max_digits=20)),
                ('ask', models.DecimalField(decimal_places=8, max_digits=20)),
                ('last', models.DecimalField(decimal_places=8, max_digits=20)),
                ('volume', models.DecimalField(decimal_places=4, default=0, help_text="today's, cumulative", max_digits=20)),
                ('turnover', models.DecimalField(decimal_places=12, default=0, help_text="today's Σ quantity × price, cumulative", max_digits=34)),
                ('at', models.DateTimeField()),
                ('source', models.CharField(max_length=20)),
            ],
            options={
                'constraints': [models.CheckConstraint(condition=models.Q(('ask__gte', models.F('bid')), ('bid__gt', 0)), name='quote_is_not_crossed')],
            },
        ),
        migrations.CreateModel(
            name='Bar',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('at', models.DateTimeField()),
                ('open', models.DecimalField(decimal_places=8, max_digits=20)),
                ('high', models.DecimalField(decimal_places=8, max_digits=20)),
                ('low', models.DecimalField(decimal_places=8, max_digits=20)),
                ('close', models.DecimalField(decimal_places=8, max_digits=20)),
                ('volume', models.DecimalField(decimal_places=4, max_digits=20)),
                ('turnover', models.DecimalField(decimal_places=12, max_digits=34)),
                ('instrument', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='reference.instrument')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('instrument', 'at'), name='one_bar_an_interval')],
            },
        ),
        migrations.CreateModel(
            name='Close',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('date', models.DateField()),
                ('price', models.DecimalField(decimal_places=8, max_digits=20)),
                ('instrument', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='reference.instrument')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('instrument', 'date'), name='one_close_a_day')],
            },
        ),
        migrations.CreateModel(
            name='FxRate',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('rate', models.DecimalField(decimal_places=8, max_digits=20)),
                ('at', models.DateTimeField()),
                ('base', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='reference.currency')),
                ('quote', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='reference.currency')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('base', 'quote'), name='one_rate_a_pair'), models.CheckConstraint(condition=models.Q(('rate__gt', 0)), name='rate_is_positive')],
            },
        ),
        migrations.CreateModel(
            name='RateClose',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('date', models.DateField()),
                ('rate', models.DecimalField(decimal_places=8, max_digits=20)),
                ('base', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='reference.currency')),
                ('quote', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='reference.currency')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('base', 'quote', 'date'), name='one_closing_rate_a_day'), models.CheckConstraint(condition=models.Q(('rate__gt', 0)), name='closing_rate_is_positive')],
            },
        ),
    ]
